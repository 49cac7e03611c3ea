"""Photograph a decision in the Temporal web UI: `python docs/images/take_screenshot.py URL docs/images/decision.png`.

URL is the one that `voicehive decide` prints. Needs Chromium (on Debian: `apt-get install chromium`).
"""

import shutil
import sys

from playwright.sync_api import sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SIZE = {"width": 1280, "height": 1180}


def main(url: str, target: str) -> None:
    """Open the run's page at its user metadata, which hold the current details, and take the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.goto(url)
        page.get_by_text("User Metadata", exact=True).click()
        page.get_by_text("Current Details", exact=True).wait_for()
        page.wait_for_timeout(2_000)  # the details are in a frame of their own, which loads later
        page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])

"use strict";
// Every text comes from the document and may hold anything: it only ever becomes a text node or is drawn on a canvas.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { columns, marks, convergence } = data;
  const objectives = columns.filter((column) => column.kind === "objective");
  const NARROW = 640;
  const MOST_IN_TOOLTIP = 8;
  const element = (id) => document.getElementById(id);
  const shown = new Set(data.shown);
  const marked = new Map(marks.map((mark) => [mark.row, mark]));
  const rows = columns[0].values.length;
  let selected = data.recommended;
  const overlay = [];
  let frontChart = null;
  let convergenceChart = null;

  const number = (value) =>
    Math.abs(value) >= 1000
      ? value.toLocaleString("en-US", { maximumFractionDigits: 0 })
      : String(Number(value.toPrecision(4)));
  const text = (value) => (value === null || value === undefined ? "" : typeof value === "number" ? number(value) : String(value));
  const compact = (value) =>
    Math.abs(value) >= 10000 ? value.toLocaleString("en-US", { notation: "compact", maximumSignificantDigits: 4 }) : number(value);
  const withUnit = (each) => (each.unit ? `${each.name} [${each.unit}]` : each.name);
  const withArrow = (objective) => `${withUnit(objective)} ${objective.direction === "minimize" ? "↓" : "↑"}`;
  const nameOf = (row) => (marked.has(row) ? marked.get(row).label : `solution ${row}`);
  const shorten = (content, most) => {
    // Names of many objectives differ at their ends, so it is the middle that is left out.
    if (content.length <= most) return content;
    const kept = Math.max(most - 1, 4);
    return `${content.slice(0, Math.ceil(kept / 2))}…${content.slice(content.length - Math.floor(kept / 2))}`;
  };
  const breakable = (content) => content.split(/(?<=[._/-])/).flatMap((part) => [part, make("wbr")]);
  const make = (tag, content, ...children) => {
    const made = document.createElement(tag);
    if (content !== undefined) made.textContent = content;
    made.append(...children);
    return made;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const palette = () => Object.fromEntries(["background", "panel", "text", "faint", "rule", "point"].map((name) => [name, color(name)]));
  const axes = () => objectives.filter((_, place) => shown.has(place));

  // ---- the table of one solution -------------------------------------------------------------------------------
  function fillTable() {
    element("solution-title").textContent = `Settings and outcomes: ${nameOf(selected)}`;
    const others = marks.filter((mark) => mark.row !== selected && (mark.row === data.recommended || mark.row === data.today));
    const head = make("thead", undefined, make("tr", undefined, make("th", ""), make("th", marked.get(selected)?.name ?? nameOf(selected)), ...others.map((mark) => make("th", mark.name))));
    const body = make("tbody");
    const today = data.today;
    for (const [kind, title] of [["setting", "Settings"], ["objective", "Objectives"], ["outcome", "Other outcomes"], ["slack", "Room left of the constraints"]]) {
      const group = columns.filter((column) => column.kind === kind);
      if (!group.length) continue;
      const heading = make("th", title);
      heading.colSpan = 2 + others.length;
      body.append(make("tr", undefined, heading));
      for (const column of group) {
        const cells = [selected, ...others.map((mark) => mark.row)].map((row) => {
          const cell = make("td", text(column.values[row]));
          if (kind === "setting" && today !== null && row !== today && column.values[row] !== column.values[today]) {
            cell.className = "changed";
            cell.title = "differs from today";
          }
          return cell;
        });
        const name = make("th", undefined, ...breakable(kind === "objective" ? withArrow(column) : withUnit(column)));
        name.scope = "row";
        body.append(make("tr", undefined, name, ...cells));
      }
    }
    element("solution").replaceChildren(head, body);
  }

  function fillMarks() {
    element("marks").replaceChildren(
      ...marks.map((mark) => {
        const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        svg.setAttribute("viewBox", "0 0 24 24");
        svg.setAttribute("aria-hidden", "true");
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", mark.path);
        path.setAttribute("fill", mark.color);
        svg.append(path);
        const button = make("button", undefined, svg, make("span", mark.label));
        button.type = "button";
        button.setAttribute("aria-pressed", String(mark.row === selected));
        button.addEventListener("click", () => select(mark.row));
        return button;
      }),
    );
  }

  function select(row) {
    selected = row;
    fillTable();
    element("marks").childNodes.forEach((button, place) => button.setAttribute("aria-pressed", String(marks[place].row === row)));
    if (frontChart) drawFront();
  }

  // ---- what the charts share -----------------------------------------------------------------------------------
  function tooltip(row) {
    const tip = make("div", undefined, make("b", nameOf(row)));
    tip.className = "tip";
    const wanted = [...axes(), ...columns.filter((column) => column.kind === "setting")];
    for (const part of [wanted.filter((each) => each.direction), wanted.filter((each) => !each.direction)]) {
      for (const column of part.slice(0, MOST_IN_TOOLTIP)) tip.append(make("div", undefined, make("span", withUnit(column)), make("span", text(column.values[row]))));
      if (part.length > MOST_IN_TOOLTIP) tip.append(make("i", `and ${part.length - MOST_IN_TOOLTIP} more`));
      tip.append(make("hr"));
    }
    tip.lastChild.remove();
    return tip;
  }
  const tooltipOption = (colors) => ({
    confine: true, backgroundColor: colors.panel, borderColor: colors.rule, textStyle: { color: colors.text, fontSize: 13 },
  });
  const valueAxis = (colors, name, maxWidth) => ({
    type: "value", scale: true, name, nameLocation: "middle", nameTextStyle: { color: colors.text }, nameTruncate: { maxWidth },
    axisLabel: { color: colors.faint, formatter: compact, hideOverlap: true }, axisLine: { show: true, lineStyle: { color: colors.faint } },
    splitLine: { lineStyle: { color: colors.rule } }, splitNumber: 4,
  });
  const toolbox = (colors, feature) => ({ right: 4, top: 0, iconStyle: { borderColor: colors.faint }, feature });
  const picture = (colors) => ({ saveAsImage: { title: "save", name: "front", backgroundColor: colors.background } });

  // ---- two to four objectives: a scatter plot of each pair -------------------------------------------------------
  function panels(width) {
    const pairs = [];
    for (let y = 1; y < objectives.length; y += 1) for (let x = 0; x < y; x += 1) pairs.push([x, y]);
    const side = objectives.length - 1;
    const stacked = width < NARROW && pairs.length > 1;
    const height = stacked ? 300 : pairs.length === 1 ? 480 : side === 2 ? 330 : 270;
    const across = stacked ? 1 : side;
    const step = (width - 8) / across;
    const placed = pairs.map(([x, y], place) => {
      const [column, row] = stacked ? [0, place] : [x, y - 1];
      return {
        x, y, names: [stacked || y === side, stacked || x === 0], width: step - 78, height: height - 62,
        left: 66 + column * step, top: 38 + row * height,
      };
    });
    return { placed, total: 30 + height * (stacked ? pairs.length : side) };
  }

  function scatterOption(colors, width) {
    const { placed, total } = panels(width);
    const option = { animation: false, grid: [], xAxis: [], yAxis: [], series: [], tooltip: { ...tooltipOption(colors), formatter: (item) => tooltip(item.value[2]) } };
    option.toolbox = toolbox(colors, { dataZoom: { title: { zoom: "zoom", back: "zoom back" } }, restore: { title: "restore" }, ...picture(colors) });
    placed.forEach((panel, place) => {
      const [x, y] = [objectives[panel.x], objectives[panel.y]];
      const point = (row) => [x.values[row], y.values[row], row];
      const common = { type: "scatter", xAxisIndex: place, yAxisIndex: place };
      option.grid.push({ left: panel.left, top: panel.top, width: panel.width, height: panel.height });
      option.xAxis.push({ ...valueAxis(colors, panel.names[0] ? withArrow(x) : "", panel.width), gridIndex: place, nameGap: 26 });
      option.yAxis.push({ ...valueAxis(colors, panel.names[1] ? withArrow(y) : "", panel.height), gridIndex: place, nameGap: 48 });
      const rest = Array.from({ length: rows }, (_, row) => row).filter((row) => !marked.has(row));
      option.series.push({
        ...common, name: "front", symbolSize: rows > 400 ? 6 : 8, itemStyle: { color: colors.point, opacity: rows > 400 ? 0.55 : 0.75 },
        emphasis: { itemStyle: { color: colors.text, opacity: 1 } }, data: rest.map(point),
      });
      [...marks].reverse().forEach((mark, depth) =>
        option.series.push({
          ...common, name: mark.label, symbol: `path://${mark.path}`, symbolSize: mark.row === data.recommended ? 20 : 15, z: 5 + depth,
          itemStyle: { color: mark.color, opacity: 1, borderColor: colors.background, borderWidth: 1 }, data: [point(mark.row)],
        }),
      );
      option.series.push({
        ...common, name: "selected", symbol: "circle", symbolSize: 27, z: 4, silent: true,
        itemStyle: { color: "transparent", borderColor: colors.text, borderWidth: 2 }, data: [point(selected)],
      });
    });
    return { option, total };
  }

  // ---- five objectives and more: parallel coordinates ------------------------------------------------------------
  const isStacked = () => element("front").clientWidth < Math.max(NARROW, 75 * shown.size);

  function parallelOption(colors) {
    const chosen = axes();
    const stacked = isStacked();
    const total = stacked ? 80 + 58 * chosen.length : 500;
    const line = (row) => chosen.map((objective) => objective.values[row]);
    const halo = { textBorderColor: colors.background, textBorderWidth: 3 };
    const option = {
      animation: false, tooltip: { ...tooltipOption(colors), trigger: "item", formatter: (item) => tooltip(item.data.row) },
      toolbox: toolbox(colors, { restore: { title: "clear the brushes" }, ...picture(colors) }),
      parallel: stacked ? { layout: "vertical", left: 24, right: 30, top: 66, bottom: 36 } : { left: 60, right: 60, top: 80, bottom: 28 },
      parallelAxis: chosen.map((objective, dim) => ({
        dim, type: "value", scale: true, inverse: objective.direction === "minimize", splitNumber: 3,
        axisLabel: { color: colors.faint, fontSize: 11, formatter: compact, hideOverlap: true, ...halo },
        axisLine: { lineStyle: { color: colors.faint } }, areaSelectStyle: { width: 18, color: colors.text, opacity: 0.25 },
      })),
      series: [],
    };
    const rest = Array.from({ length: rows }, (_, row) => row).filter((row) => !marked.has(row));
    option.series.push({
      type: "parallel", name: "front", inactiveOpacity: 0.03, activeOpacity: rows > 200 ? 0.5 : 0.8,
      lineStyle: { width: 1, color: colors.point, opacity: Math.min(0.5, 0.07 + 30 / rows) }, emphasis: { lineStyle: { color: colors.text, opacity: 1, width: 2 } },
      data: rest.map((row) => ({ value: line(row), row })),
    });
    const dashes = ["solid", [10, 4], [2, 4], [10, 4, 2, 4], [5, 5], [14, 3]];
    [...marks].reverse().forEach((mark, place) =>
      option.series.push({
        type: "parallel", name: mark.label, z: 10 + place, inactiveOpacity: 0.15, activeOpacity: 1,
        lineStyle: { width: mark.row === data.recommended ? 4 : 2.5, color: mark.color, opacity: 1, type: dashes[(marks.length - 1 - place) % dashes.length] },
        data: [{ value: line(mark.row), row: mark.row }],
      }),
    );
    if (!marked.has(selected)) option.series.push({
      type: "parallel", name: "selected", z: 30, silent: true, lineStyle: { width: 3, color: colors.text, opacity: 1 }, data: [{ value: line(selected), row: selected }],
    });
    return { option, total };
  }

  function drawOver() {
    // The library draws no symbols on parallel coordinates, and puts an inverted axis's name at its other end.
    overlay.splice(0).forEach((shape) => frontChart.getZr().remove(shape));
    const coordinates = frontChart.getModel().getComponent("parallel").coordinateSystem;
    const colors = palette();
    const chosen = axes();
    chosen.forEach((objective, place) => {
      overlay.push(nameShape(coordinates.getRect(), objective, place, chosen.length, colors));
      [...marks].reverse().forEach((mark, depth) => {
        const [x, y] = coordinates.dataToPoint(objective.values[mark.row], coordinates.dimensions[place]);
        const size = mark.row === data.recommended ? 18 : 13;
        const style = { fill: mark.color, stroke: colors.background, lineWidth: 1 };
        overlay.push(echarts.graphic.makePath(mark.path, { style, silent: true, z: 42 + depth }, { x: x - size / 2, y: y - size / 2, width: size, height: size }, "center"));
      });
    });
    overlay.forEach((shape) => frontChart.getZr().add(shape));
  }

  function nameShape(rect, objective, place, count, colors) {
    const [stacked, last] = [isStacked(), place === count - 1];
    const step = rect.width / (count - 1);
    const inner = place > 0 && !last;
    const room = stacked ? rect.width : inner ? 2 * step - 12 : step + 44; // neighbours stand at two heights
    const x = stacked ? rect.x : rect.x + place * step + (inner ? 0 : last ? 50 : -50);
    const y = stacked ? rect.y + (place * rect.height) / (count - 1) - 10 : rect.y - (place % 2 ? 12 : 28);
    const style = {
      text: shorten(withArrow(objective), Math.floor(room / 6.6)), fill: colors.text, font: "12px sans-serif", stroke: colors.background, lineWidth: 3,
      align: stacked || place === 0 ? "left" : last ? "right" : "center", verticalAlign: "bottom",
    };
    return new echarts.graphic.Text({ style, x, y, z: 41, silent: true });
  }

  function countBrushed() {
    const series = frontChart.getModel().getSeries().filter((each) => each.name !== "selected");
    const inside = series.reduce((sum, each) => sum + each.getRawIndicesByActiveState("active").length, 0);
    const brushed = series.some((each) => each.getRawIndicesByActiveState("inactive").length);
    element("front-note").textContent = brushed ? `${inside} of ${rows} solutions lie within the brushes. ${noteOf()}` : noteOf();
  }

  function noteOf() {
    if (objectives.length < 5) return "↓ less is better, ↑ more is better. Choose a point to see its settings.";
    const some = shown.size < objectives.length ? `Shown are ${shown.size} of ${objectives.length} objectives. ` : "";
    return `${some}On every axis the better side is the ${isStacked() ? "right" : "upper"} one. Drag along an axis to brush; choose a line to see its settings.`;
  }

  // ---- drawing ---------------------------------------------------------------------------------------------------
  function drawFront() {
    const holder = element("front");
    const colors = palette();
    const parallel = objectives.length > 4;
    const { option, total } = (parallel ? parallelOption : scatterOption)(colors, holder.clientWidth);
    holder.style.height = `${total}px`;
    if (!frontChart) {
      frontChart = echarts.init(holder);
      frontChart.on("click", (event) => {
        const row = parallel ? event.data && event.data.row : event.value && event.value[2];
        if (Number.isInteger(row)) select(row);
      });
      frontChart.on("axisareaselected", countBrushed);
      frontChart.on("restore", () => setTimeout(drawFront));
    }
    frontChart.resize();
    frontChart.setOption(option, { notMerge: true });
    element("front-note").textContent = noteOf();
    if (parallel) drawOver();
  }

  function drawConvergence() {
    const colors = palette();
    convergenceChart ??= echarts.init(element("convergence"));
    convergenceChart.resize();
    const line = (name, yAxisIndex, key, extra) => ({ type: "line", name, yAxisIndex, showSymbol: convergence.evaluations.length < 30, symbolSize: 6, data: convergence.evaluations.map((x, place) => [x, convergence[key][place]]), ...extra });
    convergenceChart.setOption({
      animation: false, tooltip: { ...tooltipOption(colors), trigger: "axis", valueFormatter: text },
      legend: { textStyle: { color: colors.text }, top: 0 },
      grid: { left: 62, right: 62, top: 40, bottom: 46 },
      xAxis: { ...valueAxis(colors, "evaluations", 200), min: 0, nameGap: 28 },
      yAxis: [{ ...valueAxis(colors, "hypervolume", 200), nameGap: 44 }, { ...valueAxis(colors, "size of the front", 200), min: 0, nameGap: 44, splitLine: { show: false } }],
      series: [
        line("hypervolume", 0, "hypervolume", { color: "#d55e00", lineStyle: { width: 2.5 } }),
        line("size of the front", 1, "front", { color: "#2a8fd0", symbol: "rect", lineStyle: { width: 1.5, type: "dashed" } }),
      ],
    }, { notMerge: true });
  }

  function draw() {
    if (objectives.length > 1) drawFront();
    if (convergence.evaluations.length) drawConvergence();
  }

  function fillAxes() {
    const [label, list] = element("axes").children;
    label.textContent = "Choose the objectives shown";
    list.replaceChildren(
      ...objectives.map((objective, place) => {
        const box = make("input");
        box.type = "checkbox";
        box.checked = shown.has(place);
        box.addEventListener("change", () => {
          if (box.checked) shown.add(place);
          else if (shown.size > 2) shown.delete(place);
          else box.checked = true;
          drawFront();
        });
        return make("label", undefined, box, ` ${withArrow(objective)}`);
      }),
    );
  }

  document.title = data.title;
  element("title").textContent = data.title;
  element("summary").textContent = data.summary;
  element("warning").textContent = data.warning;
  element("warning").hidden = !data.warning;
  element("reasons").replaceChildren(...data.reasons.map((reason) => make("li", reason)));
  element("reasons-section").hidden = !data.reasons.length;
  element("front-section").hidden = objectives.length < 2;
  element("axes").hidden = objectives.length < 6;
  element("convergence-section").hidden = !convergence.evaluations.length;
  fillAxes();
  fillMarks();
  fillTable();
  draw();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return; // a phone's address bar only changes the height
    width = window.innerWidth;
    draw();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();

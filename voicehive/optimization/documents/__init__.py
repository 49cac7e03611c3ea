"""Problems and results as files."""

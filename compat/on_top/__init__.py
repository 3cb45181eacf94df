"""Programs that people put on top of a broker. Each module has `prepare`, which installs it and gives its version, and `run`,
which gives rows: a claim, what was seen of it, and what should have been seen. `../programs` runs them."""

"""The page of a run: one HTML file without a network, whose data is compact and whose rows are drawn on demand."""

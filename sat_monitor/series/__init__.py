"""Point time series: the detectors' reference windows and the evidence on tables instead of rasters."""

"""Ground deformation: from stacks of unwrapped interferograms to motion along the line of sight."""

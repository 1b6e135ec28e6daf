"""Closed facts for the city's open-data catalogue: counts by municipality or mesh, with STAC and DCAT descriptions."""

"""The only importer of prefect: schedules and flows around the night."""

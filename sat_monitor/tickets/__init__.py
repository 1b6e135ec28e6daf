"""Leads for people: pages, pictures and exports."""

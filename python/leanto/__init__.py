"""Leanto."""

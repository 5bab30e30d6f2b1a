"""Architectures: what networks are made of; no training, no file access beyond reading weights."""

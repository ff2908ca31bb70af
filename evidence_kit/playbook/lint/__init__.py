"""Finds what is wrong with a playbook before anything is asked of anybody: all of it, each with its place."""

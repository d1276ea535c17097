"""The one API in front of the engines."""

"""The built book in a real browser: pictures of its pages, one PDF, and what its tests need."""

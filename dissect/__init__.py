"""dissect: which of the things you added actually helped, by how much, and how sure can you be?"""

__version__ = "0.1.0"

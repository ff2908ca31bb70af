"""Records: what sealed artifacts hold, each as its raw text with a pointer back to the sealed bytes."""

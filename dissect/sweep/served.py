"""Imported first by what workers are forked from: it ends with its sweep, also while it imports the rest."""

from dissect.process import end_with_starter

end_with_starter()

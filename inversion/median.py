"""What a median says of a normal variable."""

MEDIAN_OF_ABSOLUTE = 0.6745  # standard deviations: a deviation is the median of absolute values divided by it

"""What finished runs have learned: filters, feature maps, strongest images, projections. Trains nothing."""

"""Images: where they come from, decoded once into arrays, cut into batches on the device."""

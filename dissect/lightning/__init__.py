"""The task `lightning`: a LightningModule and a LightningDataModule of one's own, as they are."""

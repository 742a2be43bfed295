"""What has happened to a photo: one file per kind of damage, each a function from photo to a value."""

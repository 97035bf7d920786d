"""Changes of layers, prepared where no reader looks and shown in one step."""

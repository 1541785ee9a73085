"""What moves a journey: claims, performances, settlements, workers. Knows ports, not ORMs and not queues."""

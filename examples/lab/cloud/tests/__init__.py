"""Each rule of the lab's AWS refuses what AWS refuses."""

"""What tests of cubes need: strategies, assertions, and a synthetic landscape."""

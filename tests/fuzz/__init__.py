"""Fuzzing: images with damage of every kind are read to the end or refused with an error of ours."""

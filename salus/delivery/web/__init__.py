"""The pages: server-rendered, whole without JavaScript; they reach evidence through the spine alone."""

"""The page: rendering as pure functions, and the Gradio app."""

"""The run: upscale, score, record, resume. And speed."""

"""Towards Pushpin: publishing, holds, WebSocket-over-HTTP batches and who sent them."""

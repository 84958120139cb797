"""One router a noun. Routes are plain functions: FastAPI runs them on threads, so none blocks the event loop."""

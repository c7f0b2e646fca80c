"""The HTTP side of the service: who may ask, what a request holds, how an answer is streamed. No torch here."""

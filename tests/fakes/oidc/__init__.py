"""An OpenID Connect provider that signs real tokens and checks what it is sent; tests bend what it says."""

"""What exists on the fake Discord, and what it allows, does and tells when somebody acts."""

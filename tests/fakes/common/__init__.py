"""What the fakes of platforms have alike: time, faults, a ledger, sockets, a server, a person at a terminal."""

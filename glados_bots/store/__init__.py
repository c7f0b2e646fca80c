"""The data in Redis: every key and every script of the core.

It knows no platform, no model and no setting.

All keys of one platform share the hash tag `{platform}`, so that each script touches one slot of a Redis Cluster.

    glados:{web}:ready              zset  conversation -> time it may be claimed from, ms; if leased, the lease's end
    glados:{web}:wake               list  one entry wakes one idle worker
    glados:{web}:seen:KEY           str   dedupe key of an accepted event
    glados:{web}:again              zset  turn -> time its end is to be shown once more; see again.lua
    glados:{web}:gone:TURN          hash  what is left of a deleted turn until then
    glados:{web}:dead               zset  turn -> time it was given up
    glados:{web}:signal             channel: "queued TURN", "stop TURN", "delete TURN", "redo TURN"
    glados:{web}:t:TURN             hash  the turn: data, text, parts, state, attempts, failures, version, posts,
                                          noted (messages ever among them), cancel, draft, answer, error,
                                          buried (see note.lua), owner, taken, hand, deaths (see claim.lua), doubted,
                                          again (see again.lua), notice (beside the answer);
                                          or, when it was joined, the turn it is part of
    glados:{web}:c:CONV:queue       list  turns in order; the head runs
    glados:{web}:c:CONV:fence       int   fencing number of the latest lease
    glados:{web}:c:CONV:history     list  turns answered, oldest first
    glados:{web}:c:CONV:exchanges   hash  turn -> Exchange as JSON
    glados:{web}:c:CONV:authors     set   people who asked or voted there
    glados:{web}:a:AUTHOR           set   conversations a person asked or voted in
    glados:{web}:v:TURN             hash  person -> vote on the answer, up or down
    glados:{web}:ch:CHANNEL         hash  settings of a channel; see channels.py
    glados:{web}:limit:minute:SCOPE zset  questions of the last minute; SCOPE hides who it is about; see limits.py
    glados:{web}:limit:tokens:SCOPE int   tokens used this day
    glados:{web}:limit:open:SCOPE   zset  turns whose answers may use up tokens -> until when that counts, in ms
    glados:{web}:limit:told:SCOPE   str   exists while a limit is reached and that was said
    glados:version                  int   format of all of this; see version.py

A turn's life is told in docs/architecture.md; the scripts in lua/ are its only transitions.
"""

"""The data in Redis: every key and every script of the core.

It knows no platform, no model and no setting.

All keys of one platform share the hash tag `{platform}`, so each script touches one slot of a Redis Cluster.

    glados:{web}:ready              zset  conversation -> time from which it may be claimed, ms; if leased, its end
    glados:{web}:wake               list  one entry wakes one idle worker
    glados:{web}:seen:KEY           str   dedupe key of an accepted event
    glados:{web}:again              zset  turn -> time to show its end once more; see again.lua
    glados:{web}:gone:TURN          hash  what remains of a deleted turn until its end is shown once more
    glados:{web}:dead               zset  turn -> time at which it was given up
    glados:{web}:signal             channel: "queued TURN", "stop TURN", "delete TURN", "redo TURN"
    glados:{web}:t:TURN             hash  the turn: data, text, files (see files.lua), parts, state,
                                          attempts, failures, version, posts, noted (number of messages
                                          ever posted), cancel, draft, answer, error, buried (see
                                          note.lua), owner, taken, hand, deaths (see claim.lua), doubted,
                                          again (see again.lua), notice (beside the answer);
                                          or, for a joined message, the turn that it is part of
    glados:{web}:c:CONV:queue       list  turns in order; the head runs
    glados:{web}:c:CONV:fence       int   fencing number of the latest lease
    glados:{web}:c:CONV:history     list  answered turns, oldest first
    glados:{web}:c:CONV:exchanges   hash  turn -> Exchange as JSON
    glados:{web}:c:CONV:authors     set   people who asked or voted there
    glados:{web}:a:AUTHOR           set   conversations a person asked or voted in
    glados:{web}:f:TURN             hash  id of an attached file -> what was read of it; see files.lua
    glados:{web}:v:TURN             hash  person -> vote on the answer, up or down
    glados:{web}:ch:CHANNEL         hash  settings of a channel; see channels.py
    glados:{web}:limit:minute:SCOPE zset  questions of the last minute; SCOPE hides whom it counts; see limits.py
    glados:{web}:limit:tokens:SCOPE int   tokens used today
    glados:{web}:limit:open:SCOPE   zset  turns whose answers may use up tokens -> until when they count, in ms
    glados:{web}:limit:told:SCOPE   str   exists while a limit is reached and the person has been told
    glados:version                  int   format of all keys; see version.py

docs/architecture.md describes the life of a turn. Only the scripts in lua/ change a turn's state.
"""

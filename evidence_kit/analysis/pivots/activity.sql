-- question: What did this key, user or address do, and how did it end?
-- uses: events
-- parameters:
--   who: {type: text, help: "a credential, an address, an actor, or the name at an actor's end"}
-- columns:
--   time: when, as the provider wrote it
--   action: what was done
--   actor: by whom
--   credential: with which key or session
--   src_ip: from where
--   resource: to what
--   outcome: how it ended
--   provider: which provider says so
--   target: the account, project or tenant that recorded it
--   region: where it was recorded
--   witnesses: how many records tell of it
--   source: the source of the record named here
--   artifact: the file that holds that record
--   line: which record of the file
SELECT time, action, actor, credential, src_ip, resource, outcome, provider, target, region, witnesses,
    source, artifact, line
FROM events
WHERE $who IN (credential, src_ip, actor) OR suffix(actor, '/' || $who)
ORDER BY time_ns, "case", source, artifact, line

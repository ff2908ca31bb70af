-- question: Who else came from the addresses that this key, user or address was seen at?
-- uses: events
-- parameters:
--   who: {type: text, help: "a credential, an address, an actor, or the name at an actor's end"}
-- columns:
--   src_ip: the address
--   actor: who acted from there
--   credential: with which key or session
--   provider: at which provider
--   target: in which account, project or tenant
--   actions: how many events
--   first_seen: the first of them
--   last_seen: the last of them
--   artifact: the file that holds the first
--   line: which record of the file
, places AS (
    SELECT DISTINCT src_ip FROM events
    WHERE src_ip IS NOT NULL AND ($who IN (credential, src_ip, actor) OR suffix(actor, '/' || $who))
)
SELECT src_ip, actor, credential, provider, target, count(*) AS actions,
    arg_min(time, (time_ns, artifact, line)) AS first_seen, arg_max(time, (time_ns, artifact, line)) AS last_seen,
    arg_min(artifact, (time_ns, artifact, line)) AS artifact, arg_min(line, (time_ns, artifact, line)) AS line
FROM events SEMI JOIN places USING (src_ip)
GROUP BY src_ip, actor, credential, provider, target
ORDER BY min(time_ns), src_ip, actor, credential, provider, target

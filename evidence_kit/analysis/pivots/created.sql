-- question: What did this key, user or address create, change or grant, and what came of it?
-- uses: events
-- parameters:
--   who: {type: text, help: "a credential, an address, an actor, or the name at an actor's end"}
-- columns:
--   time: when
--   action: what was done
--   made: the name or id of what came of it, where the record tells
--   resource: what it was done to
--   outcome: how it ended
--   actor: by whom
--   credential: with which key or session
--   target: where
--   region: in which region
--   artifact: the file that holds the record
--   line: which record of the file
SELECT time, action,
    coalesce(
        TRY(json_extract_string(doc, '$.responseElements.accessKey.accessKeyId')),
        TRY(json_extract_string(doc, '$.responseElements.credentials.accessKeyId')),
        TRY(json_extract_string(doc, '$.responseElements.user.arn')),
        TRY(json_extract_string(doc, '$.responseElements.role.arn')),
        TRY(json_extract_string(doc, '$.responseElements.instancesSet.items[0].instanceId')),
        TRY(json_extract_string(doc, '$.requestParameters.policyArn')),
        TRY(json_extract_string(doc, '$.requestParameters.modelName')),
        TRY(json_extract_string(doc, '$.requestParameters.endpointConfigName')),
        TRY(json_extract_string(doc, '$.requestParameters.endpointName')),
        TRY(json_extract_string(doc, '$.requestParameters.instanceType')),
        TRY(json_extract_string(doc, '$.requestParameters.userName')),
        TRY(json_extract_string(doc, '$.protoPayload.response.name')),
        TRY(json_extract_string(doc, '$.targetResources[0].displayName'))
    ) AS made,
    resource, outcome, actor, credential, target, region, artifact, line
FROM events
WHERE ($who IN (credential, src_ip, actor) OR suffix(actor, '/' || $who))
    AND regexp_matches(
        action,
        '(^|[./:])(create|run|add|attach|put|update|set|grant|insert|import|upload|register|enable|issue|assume|'
            || 'associate|invite|share|generate|consent|patch|modify|authorize|launch)|/(write|action)$',
        'i'
    )
ORDER BY time_ns, "case", source, artifact, line

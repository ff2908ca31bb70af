-- question: Which model stood behind which endpoint, from when until when, and who put it there?
-- uses: events
-- columns:
--   target: the account or project
--   region: in which region
--   endpoint: the endpoint
--   config: the configuration that was put in place
--   model: the model that this configuration names, where its making was recorded
--   artifact_of_model: the model's file, where its making was recorded
--   since: when it was put in place
--   until: when the next one took its place; nothing if none did
--   actor: who put it there
--   credential: with which key or session
--   src_ip: from where
--   artifact: the file that holds the record
--   line: which record of the file
, told AS (
    SELECT *,
        coalesce(
            TRY(json_extract_string(doc, '$.requestParameters.endpointName')),
            TRY(json_extract_string(doc, '$.protoPayload.request.endpoint')),
            resource
        ) AS endpoint,
        coalesce(
            TRY(json_extract_string(doc, '$.requestParameters.endpointConfigName')),
            TRY(json_extract_string(doc, '$.protoPayload.request.deployedModel.model'))
        ) AS config
    FROM events WHERE NOT failed
), served AS (
    SELECT *,
        lead(time) OVER (PARTITION BY "case", target, region, endpoint ORDER BY time_ns, artifact, line) AS until
    FROM told
    WHERE regexp_matches(action, '^(Create|Update|Delete)Endpoint$|DeployModel$|UndeployModel$|onlineEndpoints/.*write$')
), configured AS (
    SELECT "case", target, region, config,
        any_value(TRY(json_extract_string(doc, '$.requestParameters.productionVariants[0].modelName'))) AS model
    FROM told WHERE action = 'CreateEndpointConfig' GROUP BY ALL
), models AS (
    SELECT "case", target, region, TRY(json_extract_string(doc, '$.requestParameters.modelName')) AS model,
        any_value(TRY(json_extract_string(doc, '$.requestParameters.primaryContainer.modelDataUrl'))) AS file
    FROM told WHERE action = 'CreateModel' GROUP BY ALL
)
SELECT s.target, s.region, s.endpoint, s.config, coalesce(c.model, s.config) AS model, m.file AS artifact_of_model,
    s.time AS since, s.until, s.actor, s.credential, s.src_ip, s.artifact, s.line
FROM served s
LEFT JOIN configured c ON (c."case", c.target, c.region, c.config) = (s."case", s.target, s.region, s.config)
LEFT JOIN models m ON (m."case", m.target, m.region, m.model) = (c."case", c.target, c.region, c.model)
ORDER BY s.time_ns, s.target, s.endpoint, s.artifact, s.line

-- question: What changed in what is logged, and who changed it?
-- uses: events
-- columns:
--   time: when
--   action: what was done
--   resource: to which trail, sink, setting or detector
--   actor: by whom
--   credential: with which key or session
--   src_ip: from where
--   outcome: how it ended
--   provider: at which provider
--   target: in which account, project or tenant
--   region: in which region
--   witnesses: how many records tell of it
--   artifact: the file that holds the record
--   line: which record of the file
SELECT time, action, resource, actor, credential, src_ip, outcome, provider, target, region, witnesses, artifact, line
FROM events
WHERE regexp_matches(
    action,
    '^(Start|Stop)Logging$|^(Create|Update|Delete)Trail$|^PutEventSelectors$|^PutInsightSelectors$|'
        || '^(Put|Delete)ModelInvocationLoggingConfiguration$|^(Create|Delete)FlowLogs$|^PutBucketLogging$|'
        || '^(Put|Delete)LoggingConfiguration$|^(Delete|Create)(LogGroup|LogStream)$|^(Put|Delete)RetentionPolicy$|'
        || '^(Delete|Stop|Start|Put)ConfigurationRecorder$|^DeleteDeliveryChannel$|'
        || '^(Delete|Update|Create)Detector$|^DisableSecurityHub$|^(Delete|Disassociate)ResolverQueryLogConfig$|'
        || '(Create|Update|Delete)(Sink|Exclusion|Bucket|LogMetric)$|logging\.sinks\.|'
        || 'diagnosticSettings/(write|delete)$|^Set-AdminAuditLogConfig$|^Set-Mailbox(AuditBypassAssociation)?$|'
        || 'UnifiedAuditLog|flowLogs/(write|delete)$|^(Create|Update|Delete)EventDataStore$',
    'i'
) AND NOT (regexp_matches(action, 'Bucket$') AND NOT regexp_matches(action, 'ConfigServiceV2|logging', 'i'))
ORDER BY time_ns, "case", source, artifact, line

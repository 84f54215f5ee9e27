/** The documents that tests send, typed by codegen. */
import { graphql } from '../../generated/gql.ts'

export const Send = graphql(`
  mutation Send($messages: [MessageInput!]!, $wait: Wait) {
    sendMessages(messages: $messages, wait: $wait) {
      results {
        id
        ok
        transactionId
        error { code message field retryable }
        emailError { code message retryable }
        smsError { code message }
        channelErrors { channel error { code message } }
        notification { id key transactionId channels createdAt sendAt contact { externalId } actor { externalId } template { key } }
      }
    }
  }
`)

export const SendBare = graphql(`
  mutation SendBare($messages: [MessageInput!]!) {
    sendMessages(messages: $messages) { results { id ok error { code } } }
  }
`)

export const UpsertTemplates = graphql(`
  mutation UpsertTemplates($templates: [TemplateInput!]!) {
    upsertTemplates(templates: $templates) {
      id key name active critical feed locales channels variables
      inApp { locale title body iconUrl url primaryAction { label url } secondaryAction { label url } }
      email { locale subject html text from replyTo cc bcc }
      sms { locale type title body }
    }
  }
`)

export const UpsertContacts = graphql(`
  mutation UpsertContacts($contacts: [UpsertContactInput!]!) {
    upsertContacts(contacts: $contacts) { inserted updated failed { externalId error { code message field } } }
  }
`)

export const GetContact = graphql(`
  query GetContact($externalId: ID!) {
    contact(externalId: $externalId) {
      id externalId email phone locale timezone firstName lastName photoUrl country profile createdAt updatedAt isOnline
      monthlyReceived { year month count }
    }
  }
`)

export const ListContacts = graphql(`
  query ListContacts($filter: ContactFilter, $first: Int, $after: String, $last: Int, $before: String) {
    contacts(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { externalId }
      edges { cursor node { externalId } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

export const ConfigureProviders = graphql(`
  mutation ConfigureProviders($providers: [ProviderInput!]!) {
    configureProviders(providers: $providers) { id key channel kind settings priority ratePerSecond active health { state successRate lastError } }
  }
`)

export const TestProvider = graphql(`
  mutation TestProvider($provider: ID!, $to: String!) {
    testProvider(provider: $provider, to: $to) { ok error { code message retryable } providerMessageId durationMs }
  }
`)

export const GetNotification = graphql(`
  query GetNotification($id: ID!) {
    notification(id: $id) {
      id key transactionId channels data createdAt sendAt canceledAt
      contact { externalId }
      actor { externalId }
      messages {
        __typename id channel status createdAt sentAt deliveredAt
        error { code message }
        attempts { number ok durationMs startedAt response error { code message } provider { key } }
        history { status at detail }
        ... on OutboundMessage { address subject text html providerMessageId provider { key } }
        ... on InAppMessage { title body count feed }
      }
    }
  }
`)

export const ListNotifications = graphql(`
  query ListNotifications($filter: NotificationFilter, $first: Int, $after: String, $last: Int, $before: String) {
    notifications(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { id key transactionId messages { channel status } contact { externalId } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

export const Cancel = graphql(`
  mutation Cancel($transactionId: ID!) { cancel(transactionId: $transactionId) { transactionId canceledCount alreadySentCount } }
`)

export const Feed = graphql(`
  query Feed($contact: ID, $feeds: [ID!], $seen: Boolean, $read: Boolean, $archived: Boolean, $first: Int, $after: String, $last: Int, $before: String) {
    feed(contact: $contact, feeds: $feeds, seen: $seen, read: $read, archived: $archived, first: $first, after: $after, last: $last, before: $before) {
      totalCount unseenCount unreadCount cursor
      nodes {
        id title body feed count data url iconUrl template transactionId seenAt readAt archivedAt createdAt updatedAt status
        actor { externalId firstName }
        primaryAction { type label url status }
        secondaryAction { type label url status }
      }
      edges { cursor }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

export const DeleteMessages = graphql(`
  mutation DeleteMessages($contact: ID, $messages: [ID!], $all: FeedSelector) {
    deleteMessages(contact: $contact, messages: $messages, all: $all) {
      changedCount unseenCount unreadCount messages { id deletedAt }
    }
  }
`)

export const SnoozeMessages = graphql(`
  mutation SnoozeMessages($contact: ID, $messages: [ID!]!, $until: DateTime) {
    snoozeMessages(contact: $contact, messages: $messages, until: $until) {
      changedCount unseenCount unreadCount messages { id snoozedUntil }
    }
  }
`)

export const ArchivedTimes = graphql(`
  query ArchivedTimes($contact: ID) {
    notifications(filter: { contact: $contact }) { nodes { messages { ... on InAppMessage { archivedAt } } } }
  }
`)

export const BySeverity = graphql(`
  query BySeverity($contact: ID, $feeds: [ID!], $severities: [Severity!], $first: Int, $after: String) {
    feed(contact: $contact, feeds: $feeds, severities: $severities, first: $first, after: $after) {
      totalCount bySeverity { severity unseenCount unreadCount } nodes { body severity } pageInfo { endCursor }
    }
  }
`)

export const SeverityChanged = graphql(`
  subscription SeverityChanged { feedChanged { kind message { body severity } } }
`)

export const TemplateSeverity = graphql(`
  query TemplateSeverity($key: ID!) {
    template(key: $key) {
      severity version versions(first: 5) { nodes { number severity changes { path before after } } }
    }
  }
`)

export const Snoozed = graphql(`
  query Snoozed($contact: ID, $feeds: [ID!], $first: Int, $after: String) {
    feed(contact: $contact, feeds: $feeds, snoozed: true, first: $first, after: $after) {
      totalCount unseenCount nodes { id title body snoozedUntil archivedAt actor { externalId } } pageInfo { endCursor }
    }
  }
`)

export const MarkAs = graphql(`
  mutation MarkAs($contact: ID, $messages: [ID!], $all: FeedSelector, $seen: Boolean, $read: Boolean, $archived: Boolean) {
    markAs(contact: $contact, messages: $messages, all: $all, seen: $seen, read: $read, archived: $archived) {
      changedCount unseenCount unreadCount messages { id seenAt readAt archivedAt }
    }
  }
`)

export const MessageReceived = graphql(`
  subscription MessageReceived($contact: ID, $feeds: [ID!], $after: String) {
    messageReceived(contact: $contact, feeds: $feeds, after: $after) {
      message { id title body feed data count } unseenCount unreadCount cursor
    }
  }
`)

export const FeedChanged = graphql(`
  subscription FeedChanged($contact: ID, $feeds: [ID!], $after: String) {
    feedChanged(contact: $contact, feeds: $feeds, after: $after) {
      kind message { id body count seenAt readAt archivedAt status } unseenCount unreadCount cursor
    }
  }
`)

export const NotificationChanged = graphql(`
  subscription NotificationChanged($filter: NotificationFilter) {
    notificationChanged(filter: $filter) { status at notification { id } message { id channel status } }
  }
`)

export const GetStats = graphql(`
  query GetStats($last: Int, $template: ID, $channel: Channel) {
    stats(last: $last, template: $template, channel: $channel) {
      weeklySent monthlySent yearlySent
      days {
        date count sent delivered failed seen read
        templates { template count }
        channels { channel sent delivered failed seen read }
      }
    }
  }
`)

export const GetResultStats = graphql(`
  query GetResultStats($campaign: ID!, $transaction: ID!) {
    campaign(key: $campaign) { stats { count sent delivered failed seen read channels { channel sent delivered failed seen read } } }
    transaction(id: $transaction) { stats { count sent delivered failed channels { channel sent failed } } }
    providers { key stats { sent delivered failed } }
  }
`)

export const GetViewer = graphql(`
  query GetViewer { viewer { isOperator expiresAt project { id key name locale timezone } contact { externalId } } }
`)

export const CreateProject = graphql(`
  mutation CreateProject($input: CreateProjectInput!) {
    createProject(input: $input) { project { id key } apiKey { id name prefix } secret accessKey secretKey }
  }
`)

export const CreateApiKey = graphql(`
  mutation CreateApiKey($name: String!, $scopes: [Scope!], $expiresAt: DateTime) {
    createApiKey(name: $name, scopes: $scopes, expiresAt: $expiresAt) { apiKey { id name prefix scopes expiresAt } secret }
  }
`)

export const RevokeApiKey = graphql(`
  mutation RevokeApiKey($id: ID!) { revokeApiKey(id: $id) { id revokedAt } }
`)

export const ListApiKeys = graphql(`
  query ListApiKeys { apiKeys { id name prefix createdAt lastUsedAt revokedAt } }
`)

export const Authenticate = graphql(`
  mutation Authenticate($accessKey: String!, $secretKey: String!) {
    authenticate(accessKey: $accessKey, secretKey: $secretKey) { token expiresAt }
  }
`)

export const CreateContactToken = graphql(`
  mutation CreateContactToken($contact: ID!, $ttlSeconds: Int) {
    createContactToken(contact: $contact, ttlSeconds: $ttlSeconds) { token expiresAt }
  }
`)

export const GetTemplate = graphql(`
  query GetTemplate($key: ID!) {
    template(key: $key) { key name active critical feed locales channels variables inApp { locale body } email { locale subject } sms { locale body } }
  }
`)

export const ListTemplates = graphql(`
  query ListTemplates($first: Int, $after: String) {
    templates(first: $first, after: $after) { totalCount nodes { key } pageInfo { hasNextPage endCursor } }
  }
`)

export const ListProviders = graphql(`
  query ListProviders { providers { key channel kind settings priority active health { state successRate latencyMs lastError checkedAt } } }
`)

export const GetPreferences = graphql(`
  query GetPreferences($contact: ID) {
    preferences(contact: $contact) {
      channels { channel enabled }
      templates { enabled template { key critical } channels { channel enabled } }
    }
  }
`)

export const SetPreference = graphql(`
  mutation SetPreference($contact: ID, $template: ID, $channel: Channel, $enabled: Boolean!) {
    setPreference(contact: $contact, template: $template, channel: $channel, enabled: $enabled) {
      channels { channel enabled }
      templates { enabled template { key } channels { channel enabled } }
    }
  }
`)

export const AddSuppressions = graphql(`
  mutation AddSuppressions($suppressions: [SuppressionInput!]!) {
    addSuppressions(suppressions: $suppressions) { id channel address reason }
  }
`)

export const RemoveSuppression = graphql(`
  mutation RemoveSuppression($id: ID!) { removeSuppression(id: $id) { id } }
`)

export const ListSuppressions = graphql(`
  query ListSuppressions($first: Int) { suppressions(first: $first) { totalCount nodes { id channel address reason } } }
`)

export const Preview = graphql(`
  query Preview($message: MessageInput!) {
    preview(message: $message) {
      ok locale error { code field }
      channels {
        channel wouldSend reason { code } address provider subject title body html text truncated
        sms { encoding characters segments bytes }
      }
    }
  }
`)

export const RecordAction = graphql(`
  mutation RecordAction($contact: ID, $message: ID!, $type: ActionType!, $status: ActionStatus!, $payload: JSONObject) {
    recordAction(contact: $contact, message: $message, type: $type, status: $status, payload: $payload) {
      id primaryAction { status payload } secondaryAction { status payload }
    }
  }
`)

export const SetOnline = graphql(`
  mutation SetOnline($contact: ID, $isOnline: Boolean!) {
    setOnline(contact: $contact, isOnline: $isOnline) { externalId isOnline lastOnlineAt }
  }
`)

export const RetryMessages = graphql(`
  mutation RetryMessages($messages: [ID!], $filter: NotificationFilter) { retryMessages(messages: $messages, filter: $filter) { retriedCount } }
`)

export const ProjectSettings = graphql(`
  query ProjectSettingsOf { viewer { project { locale timezone allowedOrigins templateDrafts retentionDays } } }
`)

export const UpdateProject = graphql(`
  mutation UpdateProject($input: UpdateProjectInput!) {
    updateProject(input: $input) { name locale timezone inboundDomain allowedOrigins resendUnknown }
  }
`)

export const RotateSecretKey = graphql(`
  mutation RotateSecretKey($revokeKeys: Boolean, $revokeTokens: Boolean) {
    rotateSecretKey(revokeKeys: $revokeKeys, revokeTokens: $revokeTokens) {
      accessKey secretKey tokensRevoked validKeys { name } revokedKeys { name }
    }
  }
`)

export const UpsertTopics = graphql(`
  mutation UpsertTopics($topics: [TopicInput!]!) { upsertTopics(topics: $topics) { key name contactCount } }
`)

export const SubscribeToTopic = graphql(`
  mutation SubscribeToTopic($topic: ID!, $contacts: [ID!]!) { subscribeToTopic(topic: $topic, contacts: $contacts) { key contactCount } }
`)

export const UnsubscribeFromTopic = graphql(`
  mutation UnsubscribeFromTopic($topic: ID!, $contacts: [ID!]!) { unsubscribeFromTopic(topic: $topic, contacts: $contacts) { key contactCount } }
`)

export const DeleteTopics = graphql(`
  mutation DeleteTopics($keys: [ID!]!) { deleteTopics(keys: $keys) { deletedCount } }
`)

export const DeleteProviders = graphql(`
  mutation DeleteProviders($keys: [ID!]!) { deleteProviders(keys: $keys) { deletedCount } }
`)

export const ContactTopics = graphql(`
  query ContactTopics($externalId: ID!) { contact(externalId: $externalId) { topics { key name } } topics { totalCount nodes { key contactCount } } }
`)

export const DeleteContacts = graphql(`
  mutation DeleteContacts($contacts: [ContactSelector!]!) { deleteContacts(contacts: $contacts) { deletedCount } }
`)

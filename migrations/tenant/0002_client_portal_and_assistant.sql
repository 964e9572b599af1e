-- The portal where clients log in and pay, and the record of what the assistant was asked and did.

-- The portal. A client logs in with a password or with a link that works once.

CREATE TABLE client_portal_accounts (
    id                     serial PRIMARY KEY,
    client_id              integer NOT NULL REFERENCES clients (id),
    email                  varchar(255) NOT NULL UNIQUE,
    password_hash          varchar(255),
    email_verified         boolean NOT NULL DEFAULT false,
    email_verified_at      timestamp,
    last_login_at          timestamp,
    login_count            integer NOT NULL DEFAULT 0,
    is_active              boolean NOT NULL DEFAULT true,
    is_locked              boolean NOT NULL DEFAULT false,
    locked_at              timestamp,
    locked_reason          text,
    reset_token            varchar(255),
    reset_token_expires_at timestamp,
    created_at             timestamp NOT NULL DEFAULT now(),
    updated_at             timestamp NOT NULL DEFAULT now()
);

CREATE TABLE client_portal_magic_links (
    id         serial PRIMARY KEY,
    client_id  integer NOT NULL REFERENCES clients (id),
    token      varchar(255) NOT NULL UNIQUE,
    expires_at timestamp NOT NULL,
    used_at    timestamp,
    ip_address varchar(45),
    user_agent text,
    purpose    varchar(50) NOT NULL DEFAULT 'login',
    created_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE client_portal_sessions (
    id               serial PRIMARY KEY,
    client_id        integer NOT NULL REFERENCES clients (id),
    token            varchar(255) NOT NULL UNIQUE,
    expires_at       timestamp NOT NULL,
    ip_address       varchar(45),
    user_agent       text,
    last_activity_at timestamp NOT NULL DEFAULT now(),
    device_type      varchar(50),
    device_name      varchar(255),
    browser          varchar(100),
    os               varchar(100),
    created_at       timestamp NOT NULL DEFAULT now()
);

CREATE TABLE client_portal_activity_logs (
    id            serial PRIMARY KEY,
    client_id     integer NOT NULL REFERENCES clients (id),
    action        varchar(100) NOT NULL,
    description   text,
    resource_type varchar(50),
    resource_id   integer,
    metadata      text,
    ip_address    varchar(45),
    user_agent    text,
    status        varchar(50) NOT NULL DEFAULT 'success',
    error_message text,
    created_at    timestamp NOT NULL DEFAULT now()
);

-- What the payment service says of a payment made in the portal.
CREATE TABLE payment_transactions (
    id                         serial PRIMARY KEY,
    client_id                  integer NOT NULL REFERENCES clients (id),
    session_id                 integer REFERENCES sessions (id),
    stripe_payment_intent_id   varchar(255) UNIQUE,
    stripe_checkout_session_id varchar(255),
    stripe_customer_id         varchar(255),
    amount                     numeric(10,2) NOT NULL,
    currency                   varchar(3) NOT NULL DEFAULT 'usd',
    payment_type               varchar(50) NOT NULL,
    status                     varchar(50) NOT NULL DEFAULT 'pending',
    stripe_status              varchar(50),
    payment_method             varchar(50),
    last4                      varchar(4),
    brand                      varchar(50),
    stripe_fee                 numeric(10,2),
    net_amount                 numeric(10,2),
    refunded_amount            numeric(10,2),
    refunded_at                timestamp,
    refund_reason              text,
    metadata                   text,
    description                text,
    error_code                 varchar(100),
    error_message              text,
    paid_at                    timestamp,
    created_at                 timestamp NOT NULL DEFAULT now(),
    updated_at                 timestamp NOT NULL DEFAULT now()
);

-- The assistant. session_id names a conversation here: it is a text, and no reference to the table sessions.

CREATE TABLE ai_conversations (
    id             serial PRIMARY KEY,
    session_id     varchar(255) NOT NULL,
    user_id        integer,
    page_context   text,
    messages       text NOT NULL,
    total_messages integer NOT NULL DEFAULT 0,
    actions_called text,
    created_at     timestamp NOT NULL DEFAULT now(),
    updated_at     timestamp NOT NULL DEFAULT now()
);

CREATE TABLE ai_action_logs (
    id                serial PRIMARY KEY,
    session_id        varchar(255) NOT NULL,
    action_name       varchar(100) NOT NULL,
    params            text,
    result            text,
    status            varchar(50) NOT NULL DEFAULT 'success',
    error             text,
    execution_time_ms integer,
    created_at        timestamp NOT NULL DEFAULT now()
);

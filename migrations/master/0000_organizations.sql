-- The master database: who uses the application, which organizations there are, and which database belongs to which.
--
-- Each table comes after the tables that it references.

CREATE TABLE users (
    id            serial PRIMARY KEY,
    email         varchar(255) NOT NULL UNIQUE,
    name          varchar(255),
    password_hash varchar(255),
    role          varchar(50) NOT NULL DEFAULT 'member',
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamp NOT NULL DEFAULT now(),
    updated_at    timestamp NOT NULL DEFAULT now()
);

-- One organization is one studio.
CREATE TABLE organizations (
    id                     serial PRIMARY KEY,
    name                   varchar(200) NOT NULL,
    slug                   varchar(100) NOT NULL UNIQUE,
    subdomain              varchar(100) NOT NULL UNIQUE,
    owner_id               integer NOT NULL REFERENCES users (id),
    phone                  varchar(50),
    address                text,
    city                   varchar(100),
    country                varchar(100),
    timezone               varchar(100) NOT NULL DEFAULT 'Europe/Paris',
    currency               varchar(10) NOT NULL DEFAULT 'EUR',
    language               varchar(10) NOT NULL DEFAULT 'fr',
    subscription_tier      varchar(50) NOT NULL DEFAULT 'trial',
    trial_ends_at          timestamp,
    is_active              boolean NOT NULL DEFAULT true,
    created_at             timestamp NOT NULL DEFAULT now(),
    updated_at             timestamp NOT NULL DEFAULT now(),
    stripe_customer_id     varchar(255),
    stripe_subscription_id varchar(255),
    subscription_status    varchar(50) DEFAULT 'trial',
    current_period_end     timestamp,
    logo_url               varchar(500)
);

CREATE TABLE organization_members (
    id              serial PRIMARY KEY,
    user_id         integer NOT NULL REFERENCES users (id),
    organization_id integer NOT NULL REFERENCES organizations (id),
    role            varchar(50) NOT NULL DEFAULT 'member',
    joined_at       timestamp NOT NULL DEFAULT now()
);

CREATE TABLE invitations (
    id              serial PRIMARY KEY,
    email           varchar(255) NOT NULL,
    organization_id integer NOT NULL REFERENCES organizations (id),
    invited_by      integer NOT NULL REFERENCES users (id),
    role            varchar(50) NOT NULL DEFAULT 'member',
    token           varchar(255) NOT NULL UNIQUE,
    status          varchar(50) NOT NULL DEFAULT 'pending',
    expires_at      timestamp NOT NULL,
    created_at      timestamp NOT NULL DEFAULT now()
);

-- Says where the data of an organization is: one organization, one database, and no database twice.
CREATE TABLE tenant_databases (
    id              serial PRIMARY KEY,
    organization_id integer NOT NULL UNIQUE REFERENCES organizations (id),
    database_name   varchar(100) NOT NULL UNIQUE,
    created_at      timestamp NOT NULL DEFAULT now()
);

CREATE TABLE ai_credits (
    id                      serial PRIMARY KEY,
    organization_id         integer NOT NULL UNIQUE REFERENCES organizations (id),
    credits_remaining       integer NOT NULL DEFAULT 0,
    credits_used_this_month integer NOT NULL DEFAULT 0,
    plan                    varchar(50) NOT NULL DEFAULT 'trial',
    last_recharge_at        timestamp,
    next_recharge_at        timestamp,
    created_at              timestamp NOT NULL DEFAULT now(),
    updated_at              timestamp NOT NULL DEFAULT now()
);

-- What an organization can subscribe to.
CREATE TABLE subscription_plans (
    id            serial PRIMARY KEY,
    name          varchar(100) NOT NULL UNIQUE,
    display_name  varchar(100) NOT NULL,
    description   text,
    price_monthly integer NOT NULL,
    price_yearly  integer NOT NULL,
    features      text NOT NULL,
    max_users     integer,
    max_sessions  integer,
    max_storage   integer,
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamp NOT NULL DEFAULT now()
);

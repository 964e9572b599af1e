-- The data of one studio: its clients, rooms and equipment, their projects, sessions and tracks, and the money.
--
-- Each table comes after the tables that it references. Users live in the master database, where no foreign key
-- can reach, so clients.user_id is a plain number.

-- Who and what the other tables refer to.

CREATE TABLE clients (
    id            serial PRIMARY KEY,
    user_id       integer,
    name          varchar(255) NOT NULL,
    artist_name   varchar(255),
    email         varchar(255),
    phone         varchar(50),
    type          varchar(50) NOT NULL DEFAULT 'individual',
    address       text,
    city          varchar(100),
    country       varchar(100),
    notes         text,
    is_vip        boolean NOT NULL DEFAULT false,
    is_active     boolean NOT NULL DEFAULT true,
    portal_access boolean NOT NULL DEFAULT false,
    created_at    timestamp NOT NULL DEFAULT now(),
    updated_at    timestamp NOT NULL DEFAULT now()
);

CREATE TABLE rooms (
    id                       serial PRIMARY KEY,
    name                     varchar(255) NOT NULL,
    description              text,
    type                     varchar(50) NOT NULL DEFAULT 'recording',
    hourly_rate              numeric(10,2) NOT NULL,
    half_day_rate            numeric(10,2),
    full_day_rate            numeric(10,2),
    capacity                 integer NOT NULL DEFAULT 1,
    size                     integer,
    has_isolation_booth      boolean NOT NULL DEFAULT false,
    has_live_room            boolean NOT NULL DEFAULT false,
    has_control_room         boolean NOT NULL DEFAULT false,
    equipment_list           text,
    is_active                boolean NOT NULL DEFAULT true,
    is_available_for_booking boolean NOT NULL DEFAULT true,
    color                    varchar(7) DEFAULT '#3498db',
    image_url                varchar(500),
    created_at               timestamp NOT NULL DEFAULT now(),
    updated_at               timestamp NOT NULL DEFAULT now()
);

CREATE TABLE musicians (
    id                 serial PRIMARY KEY,
    name               varchar(255) NOT NULL,
    stage_name         varchar(255),
    email              varchar(255),
    phone              varchar(50),
    bio                text,
    website            varchar(500),
    spotify_url        varchar(500),
    instruments        text,
    genres             text,
    image_url          varchar(500),
    notes              text,
    created_at         timestamp NOT NULL DEFAULT now(),
    updated_at         timestamp NOT NULL DEFAULT now(),
    primary_instrument varchar(100),
    hourly_rate        numeric(10,2),
    photo_url          varchar(500),
    is_active          boolean NOT NULL DEFAULT true
);

CREATE TABLE equipment (
    id                  serial PRIMARY KEY,
    room_id             integer REFERENCES rooms (id),
    name                varchar(255) NOT NULL,
    brand               varchar(100),
    model               varchar(100),
    serial_number       varchar(100),
    category            varchar(100) NOT NULL,
    description         text,
    specifications      text,
    purchase_date       timestamp,
    purchase_price      numeric(10,2),
    warranty_until      timestamp,
    status              varchar(50) NOT NULL DEFAULT 'operational',
    condition           varchar(50) NOT NULL DEFAULT 'good',
    last_maintenance_at timestamp,
    next_maintenance_at timestamp,
    maintenance_notes   text,
    location            varchar(255),
    is_available        boolean NOT NULL DEFAULT true,
    image_url           varchar(500),
    notes               text,
    created_at          timestamp NOT NULL DEFAULT now(),
    updated_at          timestamp NOT NULL DEFAULT now()
);

-- The work.

CREATE TABLE projects (
    id                   serial PRIMARY KEY,
    client_id            integer NOT NULL REFERENCES clients (id),
    name                 varchar(255) NOT NULL,
    artist_name          varchar(255),
    description          text,
    genre                varchar(100),
    type                 varchar(50) NOT NULL DEFAULT 'album',
    status               varchar(50) NOT NULL DEFAULT 'pre_production',
    start_date           timestamp,
    target_delivery_date timestamp,
    actual_delivery_date timestamp,
    end_date             timestamp,
    budget               numeric(10,2),
    total_cost           numeric(10,2),
    track_count          integer DEFAULT 0,
    label                varchar(200),
    catalog_number       varchar(100),
    cover_art_url        varchar(500),
    spotify_url          varchar(500),
    apple_music_url      varchar(500),
    storage_location     varchar(500),
    storage_size         integer,
    notes                text,
    technical_notes      text,
    created_at           timestamp NOT NULL DEFAULT now(),
    updated_at           timestamp NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    id           serial PRIMARY KEY,
    client_id    integer NOT NULL REFERENCES clients (id),
    room_id      integer NOT NULL REFERENCES rooms (id),
    title        varchar(255) NOT NULL,
    description  text,
    start_time   timestamp NOT NULL,
    end_time     timestamp NOT NULL,
    status       varchar(50) NOT NULL DEFAULT 'scheduled',
    total_amount numeric(10,2),
    notes        text,
    created_at   timestamp NOT NULL DEFAULT now(),
    updated_at   timestamp NOT NULL DEFAULT now()
);

CREATE TABLE tracks (
    id              serial PRIMARY KEY,
    project_id      integer NOT NULL REFERENCES projects (id),
    title           varchar(255) NOT NULL,
    track_number    integer,
    duration        integer,
    isrc            varchar(50),
    status          varchar(50) NOT NULL DEFAULT 'recording',
    bpm             integer,
    key             varchar(20),
    lyrics          text,
    file_url        varchar(500),
    waveform_url    varchar(500),
    notes           text,
    technical_notes text,
    created_at      timestamp NOT NULL DEFAULT now(),
    updated_at      timestamp NOT NULL DEFAULT now()
);

CREATE TABLE track_credits (
    id          serial PRIMARY KEY,
    track_id    integer NOT NULL REFERENCES tracks (id),
    musician_id integer REFERENCES musicians (id),
    role        varchar(100) NOT NULL,
    credit_name varchar(255) NOT NULL,
    is_primary  boolean NOT NULL DEFAULT false,
    description text,
    created_at  timestamp NOT NULL DEFAULT now()
);

-- The money. Invoices come before quotes, since a quote knows the invoice that it became.

CREATE TABLE invoices (
    id             serial PRIMARY KEY,
    invoice_number varchar(100) NOT NULL UNIQUE,
    client_id      integer NOT NULL REFERENCES clients (id),
    issue_date     timestamp NOT NULL DEFAULT now(),
    due_date       timestamp NOT NULL,
    status         varchar(50) NOT NULL DEFAULT 'draft',
    subtotal       numeric(10,2) NOT NULL,
    tax_rate       numeric(5,2) NOT NULL DEFAULT 20.00,
    tax_amount     numeric(10,2) NOT NULL,
    total          numeric(10,2) NOT NULL,
    paid_at        timestamp,
    notes          text,
    created_at     timestamp NOT NULL DEFAULT now(),
    updated_at     timestamp NOT NULL DEFAULT now()
);

CREATE TABLE invoice_items (
    id          serial PRIMARY KEY,
    invoice_id  integer NOT NULL REFERENCES invoices (id),
    description varchar(500) NOT NULL,
    quantity    numeric(10,2) NOT NULL DEFAULT 1.00,
    unit_price  numeric(10,2) NOT NULL,
    amount      numeric(10,2) NOT NULL,
    created_at  timestamp NOT NULL DEFAULT now()
);

CREATE TABLE payments (
    id                       serial PRIMARY KEY,
    client_id                integer NOT NULL REFERENCES clients (id),
    invoice_id               integer REFERENCES invoices (id),
    amount                   numeric(10,2) NOT NULL,
    currency                 varchar(3) NOT NULL DEFAULT 'EUR',
    payment_date             timestamp NOT NULL DEFAULT now(),
    payment_method           varchar(50) NOT NULL,
    reference_number         varchar(100),
    stripe_payment_intent_id varchar(255),
    stripe_charge_id         varchar(255),
    status                   varchar(50) NOT NULL DEFAULT 'completed',
    refunded_amount          numeric(10,2),
    refunded_at              timestamp,
    refund_reason            text,
    notes                    text,
    created_at               timestamp NOT NULL DEFAULT now(),
    updated_at               timestamp NOT NULL DEFAULT now()
);

CREATE TABLE quotes (
    id                      serial PRIMARY KEY,
    quote_number            varchar(100) NOT NULL UNIQUE,
    client_id               integer NOT NULL REFERENCES clients (id),
    project_id              integer REFERENCES projects (id),
    issue_date              timestamp NOT NULL DEFAULT now(),
    valid_until             timestamp NOT NULL,
    status                  varchar(50) NOT NULL DEFAULT 'draft',
    subtotal                numeric(10,2) NOT NULL,
    tax_rate                numeric(5,2) NOT NULL DEFAULT 20.00,
    tax_amount              numeric(10,2) NOT NULL,
    total                   numeric(10,2) NOT NULL,
    converted_to_invoice_id integer REFERENCES invoices (id),
    converted_at            timestamp,
    title                   varchar(255),
    description             text,
    terms                   text,
    notes                   text,
    created_at              timestamp NOT NULL DEFAULT now(),
    updated_at              timestamp NOT NULL DEFAULT now()
);

CREATE TABLE quote_items (
    id           serial PRIMARY KEY,
    quote_id     integer NOT NULL REFERENCES quotes (id),
    description  varchar(500) NOT NULL,
    quantity     numeric(10,2) NOT NULL DEFAULT 1.00,
    unit_price   numeric(10,2) NOT NULL,
    amount       numeric(10,2) NOT NULL,
    session_id   integer REFERENCES sessions (id),
    equipment_id integer REFERENCES equipment (id),
    created_at   timestamp NOT NULL DEFAULT now()
);

CREATE TABLE expenses (
    id               serial PRIMARY KEY,
    category         varchar(100) NOT NULL,
    description      varchar(500) NOT NULL,
    vendor           varchar(255),
    amount           numeric(10,2) NOT NULL,
    currency         varchar(3) NOT NULL DEFAULT 'EUR',
    tax_amount       numeric(10,2),
    expense_date     timestamp NOT NULL,
    paid_at          timestamp,
    payment_method   varchar(50),
    reference_number varchar(100),
    status           varchar(50) NOT NULL DEFAULT 'pending',
    is_recurring     boolean NOT NULL DEFAULT false,
    project_id       integer REFERENCES projects (id),
    equipment_id     integer REFERENCES equipment (id),
    receipt_url      varchar(500),
    notes            text,
    created_at       timestamp NOT NULL DEFAULT now(),
    updated_at       timestamp NOT NULL DEFAULT now()
);

-- The papers.

CREATE TABLE contracts (
    id                   serial PRIMARY KEY,
    contract_number      varchar(100) NOT NULL UNIQUE,
    client_id            integer NOT NULL REFERENCES clients (id),
    project_id           integer REFERENCES projects (id),
    type                 varchar(50) NOT NULL,
    status               varchar(50) NOT NULL DEFAULT 'draft',
    title                varchar(255) NOT NULL,
    description          text,
    terms                text NOT NULL,
    start_date           timestamp,
    end_date             timestamp,
    signed_at            timestamp,
    value                numeric(10,2),
    document_url         varchar(500),
    signed_document_url  varchar(500),
    signature_request_id varchar(255),
    signed_by            varchar(255),
    notes                text,
    created_at           timestamp NOT NULL DEFAULT now(),
    updated_at           timestamp NOT NULL DEFAULT now()
);

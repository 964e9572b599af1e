-- What the studio sells, with its usual price, tax rate and quantity.

CREATE TABLE service_catalog (
    id               serial PRIMARY KEY,
    name             varchar(255) NOT NULL,
    description      text,
    category         varchar(100) NOT NULL,
    unit_price       numeric(10,2) NOT NULL,
    tax_rate         numeric(5,2) NOT NULL DEFAULT 20.00,
    default_quantity numeric(10,2) NOT NULL DEFAULT 1.00,
    is_active        boolean NOT NULL DEFAULT true,
    display_order    integer NOT NULL DEFAULT 0,
    created_at       timestamp NOT NULL DEFAULT now(),
    updated_at       timestamp NOT NULL DEFAULT now()
);

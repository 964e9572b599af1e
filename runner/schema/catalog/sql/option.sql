quote_ident(split_part(option, '=', 1)) || substr(option, strpos(option, '='))

(
    nspowner IN (10, 6171)
    AND CAST(nspacl AS text) IS NOT DISTINCT FROM replace('{{~=UC/~,=U/~}}', '~', pg_get_userbyid(nspowner))
)

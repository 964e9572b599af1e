(
    nspowner = 10
    AND CAST(nspacl AS text) IS NOT DISTINCT FROM replace('{{~=UC/~,=UC/~}}', '~', pg_get_userbyid(nspowner))
)

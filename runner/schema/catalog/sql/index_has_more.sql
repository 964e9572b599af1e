(NOT index.indisvalid OR index.indisreplident OR index.indisclustered OR class.relispartition)

(
    attribute.attcollation <> base.typcollation
    OR attribute.attidentity <> ''
    OR attribute.attgenerated <> ''
    OR attribute.attstorage <> base.typstorage
    OR {compression} <> ''
    OR attribute.attstattarget <> -1
    OR attribute.attoptions IS NOT NULL
    OR attribute.attfdwoptions IS NOT NULL
)

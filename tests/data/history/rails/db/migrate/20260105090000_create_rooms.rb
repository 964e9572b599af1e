class CreateRooms < ActiveRecord::Migration[6.1]
  def change
    create_table :rooms
  end
end
